"""What the differential tests are made of: `catalogue` has the kinds of bodies."""
