package config

// sweepKeys are the keys of a sweep file.
var sweepKeys = map[string]bool{"sweep": true, "description": true, "base": true, "variants": true, "grid": true, "presets": true}
