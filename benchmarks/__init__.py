"""Measurements of Eco² beside its peers, on this machine. Each package is one benchmark; nothing imports them."""
