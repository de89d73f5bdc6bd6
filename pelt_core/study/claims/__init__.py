"""What the two papers claim, as data, and the verdict that recorded runs give on each: computed, never typed."""
