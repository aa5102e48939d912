package runs

import (
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"dsconv/internal/config"
)

// Every key of a configuration either is part of what tells runs apart or is free, as it
// is for their identity.
func TestSettingsLeaveOutFreeKeys(t *testing.T) {
	c := tiny()
	// What is empty is not written.
	c.Labels = map[string]string{"sweep": "x"}
	c.Memory.Keep = 1
	settings, err := Settings(c)
	check(t, err)
	data, err := c.YAML()
	check(t, err)
	var sections map[string]yaml.Node
	check(t, yaml.Unmarshal(data, &sections))
	see := func(key string) {
		told := slices.ContainsFunc(settings, func(s Setting) bool { return s.Key == key })
		if free := slices.Contains(config.FreeKeys, key); told == free {
			t.Errorf("%s: told %v, free %v", key, told, free)
		}
	}
	for name, section := range sections {
		if section.Kind != yaml.MappingNode || name == "labels" {
			see(name)
			continue
		}
		for i := 0; i < len(section.Content); i += 2 {
			see(name + "." + section.Content[i].Value)
		}
	}
}
