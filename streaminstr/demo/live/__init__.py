"""`streaminstr demo --live`: streams of each kind, kept going, and the page that shows them.

`run` starts two `worker` processes, one for WSGI and one for ASGI, and their `clients`. `site` is
what the workers serve.
"""
