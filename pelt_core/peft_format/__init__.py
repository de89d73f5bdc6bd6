"""The PEFT library's folders, for the methods that both libraries have."""
