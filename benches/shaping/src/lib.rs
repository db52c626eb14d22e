//! Links of a given delay and bandwidth in user space, and what bare links can do.
