"""The settings of a site whose roster is in the cache of `server_site`."""

import json
import os

SECRET_KEY = "not a secret"  # noqa: S105 - the one of `server_site`
INSTALLED_APPS = []
CACHES = {"default": json.loads(os.environ["SITE_CACHE"])}
STREAMINSTR = {"BACKEND": "log", "ROSTER": {"CACHE": "default"}}
