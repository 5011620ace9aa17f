"""The web: pages for people, an API for programs. Only this package knows Bottle."""
