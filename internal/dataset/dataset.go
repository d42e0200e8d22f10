// Package dataset holds the nouns of Compileo, their rules and limits, the kinds of failure, the four
// ports by which the domain reaches the world outside, and how records are changed through them (records.go). It
// imports the standard library only; internal/pipeline and internal/library order the side effects.
//
// All records are JSON and carry what is needed to read them alone. Everything that names a tenant's data,
// a key of the table or of an object, is built in keys.go from a Tenant, so that no key can be made without one.
package dataset
