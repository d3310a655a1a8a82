"""The panel: a page on this PC only, for the person who keeps shop (docs/panel.md)."""
