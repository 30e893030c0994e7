// Package audit serves /audit/v1: who saw a record.
package audit
