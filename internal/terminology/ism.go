package terminology

// State machine codes of instructions (RM 1.1.0, EHR, the Instruction state
// machine). A document carries the state after the transition only.
var transitionTargets = map[string][]string{
	"535": {"526"},        // initiate -> planned
	"536": {"526"},        // plan step -> planned
	"537": {"527"},        // postpone -> postponed
	"538": {"526", "529"}, // restore -> planned or scheduled
	"166": {"528"},        // cancel -> cancelled
	"542": {"527"},        // postponed step -> postponed
	"539": {"529"},        // schedule -> scheduled
	"534": {"529"},        // scheduled step -> scheduled
	"540": {"245"},        // start -> active
	"541": {"532"},        // do -> completed
	"543": {"245"},        // active step -> active
	"544": {"530"},        // suspend -> suspended
	"545": {"530"},        // suspended step -> suspended
	"546": {"245"},        // resume -> active
	"547": {"531"},        // abort -> aborted
	"548": {"532"},        // finish -> completed
	"549": {"533"},        // time out -> expired
	"550": {"531"},        // notify aborted -> aborted
	"551": {"532"},        // notify completed -> completed
	"552": {"528"},        // notify cancelled -> cancelled
}

// TransitionEndsIn says whether a transition of the instruction state machine
// can end in a state.
func TransitionEndsIn(transition, state string) bool {
	for _, target := range transitionTargets[transition] {
		if target == state {
			return true
		}
	}
	return false
}
