// Package tracking puts tracked links and the pixel into mails, and tells what people do
// with them from what programs do. It is pure: who asks keeps the links and the hits.
package tracking
