"""C2PA content credentials of whole files. Needs the packages of the extra `c2pa`, which are imported when used."""
