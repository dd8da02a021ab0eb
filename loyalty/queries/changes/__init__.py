"""What is announced, in words and numbers, and what a change would cost."""
