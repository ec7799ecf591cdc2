"""Power sampling as an explorer: the Metropolis-Hastings chain, move by move."""
