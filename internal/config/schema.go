package config

import (
	"reflect"
	"strings"
)

// schema is what Config's tags say: every key, in the order of the struct.
type schema struct {
	keys     []string
	types    map[string]reflect.Type
	index    map[string][]int    // of the field, for FieldByIndex
	sections map[string][]string // section ("" is the top): names of its members
}

var keys = readSchema()

func readSchema() *schema {
	s := &schema{types: map[string]reflect.Type{}, index: map[string][]int{}, sections: map[string][]string{}}
	s.read(reflect.TypeFor[Config](), "", nil)
	return s
}

func (s *schema) read(t reflect.Type, section string, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("mapstructure")
		if name == "" {
			continue
		}
		s.sections[section] = append(s.sections[section], name)
		key := join(section, name)
		index := append(append([]int(nil), at...), i)
		if f.Type.Kind() == reflect.Struct {
			s.read(f.Type, key, index)
			continue
		}
		s.keys = append(s.keys, key)
		s.types[key] = f.Type
		s.index[key] = index
	}
}

func (s *schema) isSection(key string) bool { return s.sections[key] != nil }

// field is the value of a key in c.
func (s *schema) field(c *Config, key string) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(s.index[key])
}

// labels is the one key whose members the schema does not name.
const labels = "labels"

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

// envPrefix begins the variables that set keys: DSCONV_TRAIN_STEPS is train.steps.
const envPrefix = "DSCONV_"

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
