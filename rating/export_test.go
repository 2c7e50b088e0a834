package rating

// Packages is the arithmetic of packages, for the vectors.
var Packages = packages
