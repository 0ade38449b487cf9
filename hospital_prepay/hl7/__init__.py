"""HL7 v2 from other systems: over a socket (MLLP) and from a folder."""
