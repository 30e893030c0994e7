// Package webhook brings the messages of the change feed to their receivers over
// HTTP. It implements feed.Sender.
package webhook
