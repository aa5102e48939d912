package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Option adds a source of settings to Load.
type Option func(*sources)

type sources struct {
	profile string
	set     []string
	given   *[]byte
}

// WithProfile applies a named overlay of the file; "" is none.
func WithProfile(name string) Option { return func(s *sources) { s.profile = name } }

// WithSet changes single keys, each written as train.steps=10.
func WithSet(set []string) Option {
	return func(s *sources) { s.set = append(s.set, set...) }
}

// WithGiven hands back what Load read of the file itself, byte for byte, so that what
// is kept of it is what ran.
func WithGiven(to *[]byte) Option { return func(s *sources) { s.given = to } }

// Load reads a configuration. Later sources win: defaults, the files that file
// includes, file itself, its profile, DSCONV_ environment variables
// (DSCONV_TRAIN_STEPS=10), and settings of WithSet. No file ("") leaves the
// defaults as the start. The result is resolved and valid; the error is an *Error.
func Load(file string, opts ...Option) (*Config, error) {
	var src sources
	for _, o := range opts {
		o(&src)
	}
	var s stack
	name := ""
	if file != "" {
		t, inside, err := openTree(file)
		if err != nil {
			return nil, err
		}
		defer t.close()
		s = t.file(inside, file)
		if err := t.p.err(); err != nil {
			return nil, err
		}
		if src.given != nil {
			*src.given = t.given
		}
		name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if src.profile != "" {
		overlay, ok := s.profiles[src.profile]
		if !ok {
			return nil, refuse(orFlag(file), "profile %q does not exist; %s", src.profile, listProfiles(s.profiles))
		}
		s.layers = append(s.layers, overlay...)
	}
	outer, err := outerLayers(src.set)
	if err != nil {
		return nil, err
	}
	c, from, err := merge(append(s.layers, outer...))
	if err != nil {
		return nil, err
	}
	if c.Name == "" && ValidName(name) {
		c.Name = name
	}
	if err := c.unread(from); err != nil {
		return nil, err
	}
	return c, c.settle(from)
}

// unread refuses task keys that somebody set who knew the kind of the task, and
// that this kind does not read: they would change nothing, silently. An included
// file may hold keys of a kind that the including one replaces.
func (c *Config) unread(from origins) error {
	var p problems
	for _, key := range c.unreadTaskKeys() {
		if o, ok := from[key]; ok && o.rank >= from["task.kind"].rank {
			p.add(o.where, key, "must be left out with task.kind %s, which does not read it", c.Task.Kind)
		}
	}
	return p.err()
}

func orFlag(file string) string {
	if file == "" {
		return "--profile"
	}
	return file
}

func listProfiles(profiles map[string][]layer) string {
	if len(profiles) == 0 {
		return "the file has none"
	}
	return "the file has " + strings.Join(slices.Sorted(maps.Keys(profiles)), ", ")
}

// Parse reads a configuration that was resolved and written by YAML: defaults and
// data only, no includes, no profiles, no environment.
func Parse(data []byte) (*Config, error) {
	d, err := readDocument("resolved.yaml", data)
	if err != nil {
		return nil, err
	}
	var p problems
	l := d.layer(&p, d.root)
	if err := p.err(); err != nil {
		return nil, err
	}
	c, from, err := merge([]layer{l})
	if err != nil {
		return nil, err
	}
	return c, c.settle(from)
}

// outerLayers reads the sources above all files, environment and flags, so that a
// mistake in them is told with its place.
func outerLayers(set []string) ([]layer, error) {
	var p problems
	env, flags := environment(&p), newLayer()
	for _, arg := range set {
		where := "--set " + arg
		key, text, ok := strings.Cut(arg, "=")
		key = strings.TrimSpace(key)
		switch {
		case !ok:
			p.add(where, "", "a setting is written key=value, such as --set train.steps=10")
		case keys.isSection(key) || key == labels:
			p.add(where, key, "is a section; set one of its keys, such as --set train.steps=10")
		case keys.types[key] == nil:
			p.add(where, key, "%s", unknownKey(key))
		default:
			v, err := decodeText(strings.TrimSpace(text), keys.types[key])
			if err != nil {
				p.add(where, key, "%v", err)
				continue
			}
			flags.set(key, v, where)
		}
	}
	return []layer{env, flags}, p.err()
}

// environment reads DSCONV_ variables. Those that look like a key but are none
// are refused; others, such as DSCONV_ISA, are somebody else's.
func environment(p *problems) layer {
	l := newLayer()
	byName := map[string]string{}
	for _, key := range keys.keys {
		byName[envName(key)] = key
	}
	names := slices.Sorted(maps.Keys(byName))
	vars := os.Environ()
	slices.Sort(vars)
	for _, v := range vars {
		name, text, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" {
			continue
		}
		key, ok := byName[name]
		if !ok || key == labels {
			section, _, below := strings.Cut(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "_")
			if below && keys.isSection(section) {
				m := "no key is called that"
				if best := nearestEnv(name, names); best != "" {
					m += "; did you mean " + best + "?"
				}
				p.add(name, "", "%s", m)
			}
			continue
		}
		value, err := decodeText(text, keys.types[key])
		if err != nil {
			p.add(name, key, "%v", err)
			continue
		}
		l.set(key, value, name)
	}
	return l
}

func nearestEnv(name string, names []string) string {
	best, found := 4, ""
	for _, n := range names {
		if d := editDistance(name, n); d < best {
			best, found = d, n
		}
	}
	return found
}

// delimiter parts keys for viper. It is not a dot, because a label may be called
// as the dotted key of a sweep's axis.
const delimiter = "/"

func viperKey(key string) string { return strings.ReplaceAll(key, ".", delimiter) }

// origin is the source that won a key.
type origin struct {
	where string
	rank  int // from the weakest layer on, which is 1
}

// origins are those of all keys but the ones that kept their defaults.
type origins map[string]origin

var dottedKey = regexp.MustCompile(`[a-z]+\.[a-z_]+`)

// blame finds where to look for a problem: at the strongest source of the keys that
// it is about or mentions, for the weaker ones were right before.
func (o origins) blame(p Problem) string {
	best := origin{}
	for _, key := range append(slices.Clone(p.Keys), dottedKey.FindAllString(p.Message, -1)...) {
		if from, ok := o[key]; ok && from.rank > best.rank {
			best = from
		}
	}
	return best.where
}

// merge lays the layers over one another with viper and decodes the result.
func merge(layers []layer) (*Config, origins, error) {
	v := viper.NewWithOptions(viper.KeyDelimiter(delimiter))
	from := origins{}
	base := Default()
	for _, key := range keys.keys {
		if key != labels {
			v.SetDefault(viperKey(key), keys.field(base, key).Interface())
		}
	}
	for i, l := range layers {
		if err := v.MergeConfigMap(nested(l.values)); err != nil {
			return nil, nil, fmt.Errorf("config: %w", err)
		}
		for key, where := range l.where {
			from[key] = origin{where, i + 1}
		}
	}
	c := &Config{}
	err := v.UnmarshalExact(c, func(d *mapstructure.DecoderConfig) {
		d.WeaklyTypedInput = false
		d.DecodeHook = nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("config: %w", err)
	}
	for _, key := range keys.keys {
		if f := keys.field(c, key); (f.Kind() == reflect.Slice || f.Kind() == reflect.Map) && f.Len() == 0 {
			f.SetZero() // an empty list and none are one configuration
		}
	}
	return c, from, nil
}

// nested turns dotted keys into the maps that viper merges.
func nested(values map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range values {
		at := out
		path := strings.Split(key, ".")
		for _, section := range path[:len(path)-1] {
			next, ok := at[section].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[section] = next
			}
			at = next
		}
		if m, ok := value.(map[string]any); ok {
			value = maps.Clone(m)
		}
		at[path[len(path)-1]] = value
	}
	return out
}
