"""A rebuild that nothing disturbs, run twice, and what it leaves behind."""
