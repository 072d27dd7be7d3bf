"""What a dual tower's training can begin with: a file a kind of start, each giving a `Begun`."""
