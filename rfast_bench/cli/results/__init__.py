"""Commands that read run folders: tables, figures, pages, traces."""
