package aql

// kind is the kind of a token.
type kind uint8

const (
	tEOF       kind = iota
	tIdent          // a word; keywords are words compared without case
	tString         // text is decoded
	tInteger        // text is the lexeme
	tReal           // text is the lexeme
	tParam          // text is the name
	tCode           // at0002, id3 (predicates only)
	tArchetype      // archetype id (predicates only)
	tTermCode       // terminology::code|text| (predicates only)
	tURI            // after `matches {`
	tRegex          // after `matches {` in a predicate; text is without slashes
	tEq
	tNe
	tLt
	tLe
	tGt
	tGe
	tComma
	tSlash
	tStar
	tPlus
	tMinus
	tLParen
	tRParen
	tLBracket
	tRBracket
	tLBrace
	tRBrace
)

// kindNames is how a kind is named in an error.
var kindNames = [...]string{
	tEOF: "end of query", tIdent: "a name", tString: "a string", tInteger: "an integer",
	tReal: "a number", tParam: "a parameter", tCode: "a node code", tArchetype: "an archetype id",
	tTermCode: "a term code", tURI: "a URI", tRegex: "a regular expression",
	tEq: "'='", tNe: "'!='", tLt: "'<'", tLe: "'<='", tGt: "'>'", tGe: "'>='",
	tComma: "','", tSlash: "'/'", tStar: "'*'", tPlus: "'+'", tMinus: "'-'",
	tLParen: "'('", tRParen: "')'", tLBracket: "'['", tRBracket: "']'", tLBrace: "'{'", tRBrace: "'}'",
}

// token is one lexeme. src is what was written, for error messages and for
// decoding a string again as a LIKE pattern.
type token struct {
	kind kind
	word keyword
	pos  Pos
	end  int
	text string
	src  string
}

// keyword numbers the reserved words; 0 is no keyword.
type keyword uint8

const (
	kSelect keyword = iota + 1
	kDistinct
	kTop
	kForward
	kBackward
	kAs
	kFrom
	kContains
	kWhere
	kAnd
	kOr
	kNot
	kExists
	kLike
	kMatches
	kOrder
	kBy
	kAsc
	kDesc
	kLimit
	kOffset
	kVersion
	kLatestVersion
	kAllVersions
	kNull
	kTrue
	kFalse
	kTerminology
)

var keywords = map[string]keyword{
	"SELECT": kSelect, "DISTINCT": kDistinct, "TOP": kTop, "FORWARD": kForward, "BACKWARD": kBackward,
	"AS": kAs, "FROM": kFrom, "CONTAINS": kContains, "WHERE": kWhere, "AND": kAnd, "OR": kOr, "NOT": kNot,
	"EXISTS": kExists, "LIKE": kLike, "MATCHES": kMatches, "ORDER": kOrder, "BY": kBy,
	"ASC": kAsc, "ASCENDING": kAsc, "DESC": kDesc, "DESCENDING": kDesc, "LIMIT": kLimit, "OFFSET": kOffset,
	"VERSION": kVersion, "LATEST_VERSION": kLatestVersion, "ALL_VERSIONS": kAllVersions,
	"NULL": kNull, "TRUE": kTrue, "FALSE": kFalse, "TERMINOLOGY": kTerminology,
}

const longestKeyword = len("LATEST_VERSION")

// keywordOf finds a reserved word in any case, without allocating.
func keywordOf(word string) keyword {
	if len(word) > longestKeyword || len(word) < 2 {
		return 0
	}
	var buf [longestKeyword]byte
	for i := 0; i < len(word); i++ {
		c := word[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	return keywords[string(buf[:len(word)])]
}
