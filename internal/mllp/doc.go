// Package mllp carries HL7 v2 messages over TCP in the Minimal Lower Layer
// Protocol (HL7 2.5.1 Implementation Guide, appendix C): a client that sends one
// message at a time and waits for its acknowledgement, and a listener for what
// comes in. It implements exit.Transport.
package mllp
