"""What ends a simulated run before its time: a broken rule, an error of the method's code, nobody who can go on."""
