// Package feed tells other systems what was committed: a change feed to read
// from, in commit order and without gaps, and webhooks that are sent from it.
//
// A change is ids and codes and never content: who wants the content reads the
// version, with its own rights. A reader of the feed sees the changes of the
// records that a population query would show it (access.Query); a webhook sees
// what the principal that made it sees at the moment of sending.
//
// There is no table of messages that a commit would have to write: the versions
// are the messages. A place in the feed is the transaction of a version and its
// position in it, and what stands before the oldest running transaction can
// change no more, so that reading up to there leaves no gap.
package feed
