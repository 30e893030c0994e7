// Who may do what in Quire, in the Ory Permission Language.
//
// Subjects are plain ids: user:<issuer hash>:<subject> for people, svc:<client id> for programs.
// What is deliberately not here:
//  - Negation. Keto answers "not a member" when its database fails in the middle of a check, and a negation turns that
//    into "allowed". Denials, restrictions and patient objections are rows in Quire's own database.
//  - A tuple per record linking it to an organisation. Which organisation looks after whom is `ehr_organisation` in
//    Quire's database, so that tuples grow with staff, not with patients.
//  - Break-glass grants. They expire, and Keto knows no time; it only says who may break the glass at all.
// Loaded in strict mode: a tuple written straight on a permit's name grants nothing.
import { Namespace, SubjectSet, Context } from "@ory/keto-namespace-types"

// A person, known by the identity provider.
class User implements Namespace {}

// A program with credentials of its own: an interface engine, a form server, a research job.
class ServiceAccount implements Namespace {}

// A job somebody holds, often within one organisation. Roles may contain roles.
class Role implements Namespace {
  related: {
    members: (User | ServiceAccount | SubjectSet<Role, "members">)[]
  }
}

// People who look after the same caseload.
class Team implements Namespace {
  related: {
    members: (User | SubjectSet<Role, "members">)[]
  }
}

// A care provider. A right held here reaches a record only while the organisation has a live relationship with the
// person the record is about; that half of the decision is made in SQL, in the statement that reads.
class Organisation implements Namespace {
  related: {
    // Staff who give care.
    clinicians: (User | SubjectSet<Role, "members">)[]
    // Others trusted with every record the organisation may see: records office, coders, a read-only program.
    open_access: (User | ServiceAccount | SubjectSet<Role, "members">)[]
    // Those who commit to records. Writing does not include reading: an interface engine only delivers.
    writers: (User | ServiceAccount | SubjectSet<Role, "members">)[]
    // Those who register people and run the organisation's side of the system.
    admins: (User | SubjectSet<Role, "members">)[]
    // Those who give and withdraw access and review broken glass. No right to read follows from it.
    privacy_officers: (User | SubjectSet<Role, "members">)[]
    // Those who may open a record without a relationship, for a stated reason and a limited time.
    breakglassers: (User | SubjectSet<Role, "members">)[]
    // Those who may ask questions across many people.
    researchers: (User | ServiceAccount | SubjectSet<Role, "members">)[]
  }
  permits = {
    create_ehr: (ctx: Context): boolean =>
      this.related.writers.includes(ctx.subject) ||
      this.related.admins.includes(ctx.subject),
    // Clinicians and open access read the same records; they are two relations so that a reviewer can tell who reads
    // in order to care and who reads for another duty, and so that one can be withdrawn without the other.
    read_any: (ctx: Context): boolean =>
      this.related.clinicians.includes(ctx.subject) ||
      this.related.open_access.includes(ctx.subject),
    write_any: (ctx: Context): boolean => this.related.writers.includes(ctx.subject),
    break_glass: (ctx: Context): boolean => this.related.breakglassers.includes(ctx.subject),
    grant: (ctx: Context): boolean => this.related.privacy_officers.includes(ctx.subject),
    query_population: (ctx: Context): boolean => this.related.researchers.includes(ctx.subject),
  }
}

// One record. Only exceptions stand here: grants to a person, role or team beyond what the organisation gives.
class Ehr implements Namespace {
  related: {
    readers: (User | ServiceAccount | SubjectSet<Role, "members"> | SubjectSet<Team, "members">)[]
    writers: (User | ServiceAccount | SubjectSet<Role, "members"> | SubjectSet<Team, "members">)[]
    // The person the record is about, and those who act for them.
    subject: User[]
    proxies: User[]
  }
  permits = {
    read: (ctx: Context): boolean =>
      this.related.readers.includes(ctx.subject) ||
      this.related.writers.includes(ctx.subject) ||
      this.related.subject.includes(ctx.subject) ||
      this.related.proxies.includes(ctx.subject),
    write: (ctx: Context): boolean => this.related.writers.includes(ctx.subject),
  }
}

// A label on content (normal, sexual-health, safeguarding, ...). A version is shown to those who may read all its labels.
class Sensitivity implements Namespace {
  related: {
    readers: (User | ServiceAccount | SubjectSet<Role, "members"> | SubjectSet<Team, "members">)[]
    writers: (User | ServiceAccount | SubjectSet<Role, "members"> | SubjectSet<Team, "members">)[]
  }
  permits = {
    read: (ctx: Context): boolean =>
      this.related.readers.includes(ctx.subject) ||
      this.related.writers.includes(ctx.subject),
    write: (ctx: Context): boolean => this.related.writers.includes(ctx.subject),
  }
}

// A template. Its label decides who may read and write its data; one without a label is shown to nobody.
class Template implements Namespace {
  related: {
    sensitivity: Sensitivity[]
    managers: (User | SubjectSet<Role, "members">)[]
  }
  permits = {
    read_data: (ctx: Context): boolean => this.related.sensitivity.traverse((s) => s.permits.read(ctx)),
    write_data: (ctx: Context): boolean => this.related.sensitivity.traverse((s) => s.permits.write(ctx)),
    manage: (ctx: Context): boolean => this.related.managers.includes(ctx.subject),
  }
}

// A stored query: a question somebody has approved, so that others may ask it without the right to ask any.
class StoredQuery implements Namespace {
  related: {
    executors: (User | ServiceAccount | SubjectSet<Role, "members">)[]
    owners: (User | SubjectSet<Role, "members">)[]
  }
  permits = {
    execute: (ctx: Context): boolean =>
      this.related.executors.includes(ctx.subject) ||
      this.related.owners.includes(ctx.subject),
    manage: (ctx: Context): boolean => this.related.owners.includes(ctx.subject),
  }
}

// A part of the administration: templates, queries, users, demographic, ehr-transfer, ehr-purge, audit, system. The
// readiness sentinel lives here too, on an object of its own whose name is random per data directory.
class AdminArea implements Namespace {
  related: {
    admins: (User | ServiceAccount | SubjectSet<Role, "members">)[]
    viewers: (User | ServiceAccount | SubjectSet<Role, "members">)[]
  }
  permits = {
    use: (ctx: Context): boolean => this.related.admins.includes(ctx.subject),
    view: (ctx: Context): boolean =>
      this.related.viewers.includes(ctx.subject) ||
      this.related.admins.includes(ctx.subject),
  }
}
