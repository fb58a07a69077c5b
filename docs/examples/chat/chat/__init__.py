"""An example: a chat with a model, an export and a download, each of them a streamed response."""
