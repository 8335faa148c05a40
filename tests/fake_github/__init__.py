"""The embedded GitHub: the part of GitHub the bot uses, on loopback, over real git repositories."""
