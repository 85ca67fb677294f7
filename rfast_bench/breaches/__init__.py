"""The rules of the contract as they are told when a method breaks one, and where in its file it did.

Takes: a rule's name, what was seen, an exception, a frame or a coroutine.
Gives: `Broken`, the error that names file, line, rule and mend; the lines of a method's own files.
May import: the contract (`api`, `errors`, `files`).

Both worlds and `conformance` tell what they notice by these words.
"""
