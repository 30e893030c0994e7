// Package emergency is what follows broken glass: an alert to the privacy officer
// within seconds, the queue of what nobody has reviewed, the review with its
// outcome, and the end before the time.
//
// That the glass is open is decided nowhere here: every statement compares the
// end of the access with the clock itself (internal/access), so that nothing has
// to run for it to end. Emergency access opens a record and no sealed label.
package emergency
