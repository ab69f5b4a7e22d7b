"""The directory of a store: its layout and lock, the leases of readers, the ballast file, and the removal of files."""
