package embedded

import "testing"

func TestMemory(t *testing.T) {
	for _, tt := range []struct {
		meminfo, pages, cached string
	}{
		{"MemTotal:       24112345 kB\nMemFree: 12 kB\n", "shared_buffers=2943MB", "effective_cache_size=11773MB"},
		{"MemFree: 12 kB\nMemTotal:        4194304 kB\n", "shared_buffers=512MB", "effective_cache_size=2048MB"},
		{"MemTotal:         262144 kB\n", "shared_buffers=128MB", "effective_cache_size=128MB"},
		{"MemTotal: much kB\n", "shared_buffers=128MB", "effective_cache_size=128MB"},
		{"", "shared_buffers=128MB", "effective_cache_size=128MB"},
	} {
		got := memorySettings(totalOf([]byte(tt.meminfo)))
		if got[0] != tt.pages || got[1] != tt.cached {
			t.Errorf("%q: %v, want %s and %s", tt.meminfo, got, tt.pages, tt.cached)
		}
	}
}
