package criteria

// ZoneProperties are the properties of a contact that may say where it is (S-1).
func ZoneProperties() []string { return []string{"timezone", "$timezone", "$geoip_time_zone"} }
