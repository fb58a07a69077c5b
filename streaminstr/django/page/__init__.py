"""The page of open streams: a table of all, a page for each, and the button that closes one.

`roster` reads the roster; `listing` filters, sorts and cuts the table into pages; `cells` and
`timeline` say what is shown; `access` says to whom; `rendering` makes HTML of it.
"""
