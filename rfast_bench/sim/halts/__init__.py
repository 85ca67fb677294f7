"""What ends a simulated run before its time: a rule that its method breaks, an error of its code, nobody who can go on."""
