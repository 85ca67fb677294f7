"""What commands share: options with the same words, what a shell completes, what is said and what is not."""
