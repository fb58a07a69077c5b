"""The table of open streams for a terminal: `streaminstr top` and `manage.py streams`.

`options` has the options, `sources` and `from_log` read the table. `columns` formats a row, and
`summary` has the lines above the rows. `plain` prints them as text, and `screen` keeps them up to
date with rich, if that is installed.
"""
