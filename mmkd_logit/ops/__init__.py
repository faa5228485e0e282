"""The arithmetic of the losses, each question behind one function."""
