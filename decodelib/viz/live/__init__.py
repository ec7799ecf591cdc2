"""The playground: any strategy on any prompt, with a kernel."""
