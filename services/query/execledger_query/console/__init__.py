"""The console: pages that read the API in a browser. Files, and nothing that is made anew for each reader."""
