"""HTTP routes, one file a subject; each only translates between HTTP and a part of the runtime."""
