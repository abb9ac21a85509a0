package capture

// SetJitter makes the waits between attempts depend on random, which gives
// numbers from 0 to 1, instead of on chance.
func SetJitter(cfg *Config, random func() float64) { cfg.random = random }
