"""What runs: the process, its listeners, its lock. Only this package knows waitress."""
