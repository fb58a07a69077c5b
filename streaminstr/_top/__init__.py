"""The table of open streams for a terminal: `streaminstr top` and `manage.py streams`.

`options` says what can be asked, `sources` and `from_log` where the table comes from. `columns` is
what is shown of a row, `summary` what is above the rows. `plain` makes text of them, and `screen`
keeps it up to date by rich, where that is installed.
"""
