"""The only package that knows HTTP, settings, disks and clocks."""
