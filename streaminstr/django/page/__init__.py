"""The page of open streams: a table of all, a page for each, and the buttons that change something.

`roster` reads the roster; `listing` filters, sorts and cuts the table into pages; `cells` and
`timeline` say what is shown; `access` says to whom; `rendering` makes HTML of it.
"""
