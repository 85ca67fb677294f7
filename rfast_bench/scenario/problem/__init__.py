"""The `problem` section of a scenario: kinds of problems, data sets, partitions."""
