package keto

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	ory "github.com/ory/keto-client-go"
)

// pageSize is how many tuples one look-up returns; Keto's default is 100.
const pageSize = 500

// client speaks to Keto. Its errors are outages, whatever Keto meant by them:
// nothing here ever says "denied".
type client struct {
	read, write *ory.APIClient
	transport   *http.Transport
}

func newClient(readURL, writeURL string) *client {
	c := &client{transport: &http.Transport{
		// Keto is a neighbour: no proxy, and no time lost on an address that does not answer.
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
	}}
	api := func(url string) *ory.APIClient {
		config := ory.NewConfiguration()
		config.Servers = ory.ServerConfigurations{{URL: url}}
		config.HTTPClient = &http.Client{
			Transport: c.transport,
			// Every call has a deadline of its own; this one only bounds a mistake.
			Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("keto does not redirect")
			},
		}
		return ory.NewAPIClient(config)
	}
	c.read, c.write = api(readURL), api(writeURL)
	return c
}

// relation is a tuple as Keto stores it.
type relation struct {
	namespace, object, relation string
	who                         subject
	whoRelation                 string // of a set; "members" in all we write
}

// query narrows a look-up; empty members do not.
type query struct {
	namespace, object, relation string
	who                         *subject
}

// page is one look-up; next is "" on the last.
func (c *client) page(ctx context.Context, q query, token string) (found []relation, next string, err error) {
	request := c.read.RelationshipApi.GetRelationships(ctx).Namespace(q.namespace).PageSize(pageSize)
	if token != "" {
		request = request.PageToken(token)
	}
	if q.object != "" {
		request = request.Object(q.object)
	}
	if q.relation != "" {
		request = request.Relation(q.relation)
	}
	if q.who != nil {
		if q.who.id != "" {
			request = request.SubjectId(q.who.id)
		} else {
			request = request.SubjectSetNamespace(q.who.namespace).SubjectSetObject(q.who.object).SubjectSetRelation("members")
		}
	}
	list, answer, err := request.Execute()
	if err != nil {
		return nil, "", lost("look-up", answer, err)
	}
	// An answer without the member is no empty list but a reply cut short, or one of another server.
	if list == nil || !list.HasRelationTuples() {
		return nil, "", errors.New("keto look-up: the reply is incomplete")
	}
	for _, t := range list.GetRelationTuples() {
		r := relation{namespace: t.GetNamespace(), object: t.GetObject(), relation: t.GetRelation()}
		if t.HasSubjectSet() {
			set := t.GetSubjectSet()
			r.who, r.whoRelation = subject{namespace: set.GetNamespace(), object: set.GetObject()}, set.GetRelation()
		} else {
			r.who = subject{id: t.GetSubjectId()}
		}
		// Keto filters; a reply to another question must not become a right.
		if r.namespace != q.namespace || q.who != nil && (r.who != *q.who || q.who.id == "" && r.whoRelation != "members") {
			return nil, "", errors.New("keto look-up: the reply answers another question")
		}
		found = append(found, r)
	}
	return found, list.GetNextPageToken(), nil
}

// all pages through a look-up of the administration; profiles count pages themselves.
func (c *client) all(ctx context.Context, q query) ([]relation, error) {
	var found []relation
	for token := ""; ; {
		some, next, err := c.page(ctx, q, token)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if next == "" || next == token {
			return found, nil
		}
		token = next
	}
}

// allowed asks one check. A "no" may mean that Keto's database is down.
func (c *client) allowed(ctx context.Context, namespace, object, permit, id string) (bool, error) {
	verdict, answer, err := c.read.PermissionApi.CheckPermission(ctx).Namespace(namespace).Object(object).Relation(permit).SubjectId(id).Execute()
	if err != nil {
		return false, lost("check", answer, err)
	}
	if verdict == nil {
		return false, errors.New("keto check: the reply is incomplete")
	}
	return verdict.GetAllowed(), nil
}

// patch inserts and deletes in one transaction of Keto's.
func (c *client) patch(ctx context.Context, insert, remove []relation) error {
	var changes []ory.RelationshipPatch
	add := func(action string, list []relation) {
		for _, r := range list {
			tuple := ory.NewRelationship(r.namespace, r.object, r.relation)
			if r.who.id != "" {
				tuple.SetSubjectId(r.who.id)
			} else {
				tuple.SetSubjectSet(*ory.NewSubjectSet(r.who.namespace, r.who.object, r.whoRelation))
			}
			change := ory.NewRelationshipPatch()
			change.SetAction(action)
			change.SetRelationTuple(*tuple)
			changes = append(changes, *change)
		}
	}
	add("delete", remove)
	add("insert", insert)
	if len(changes) == 0 {
		return nil
	}
	answer, err := c.write.RelationshipApi.PatchRelationships(ctx).RelationshipPatch(changes).Execute()
	if err != nil {
		return lost("write", answer, err)
	}
	return nil
}

// lost is the error of a failed call. The body Keto sent is left out: it may
// repeat the names asked about.
func lost(what string, answer *http.Response, err error) error {
	var api *ory.GenericOpenAPIError
	if errors.As(err, &api) && answer != nil {
		return fmt.Errorf("keto %s: status %d", what, answer.StatusCode)
	}
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("keto %s: %w", what, context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("keto %s: %w", what, context.Canceled)
	case errors.As(err, &network):
		return fmt.Errorf("keto %s: %s: %w", what, network.Op, network.Err)
	}
	return fmt.Errorf("keto %s: the connection failed", what)
}
