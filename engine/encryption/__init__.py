"""Server-side encryption: which one a request gets, where its keys come from, and what they seal."""
