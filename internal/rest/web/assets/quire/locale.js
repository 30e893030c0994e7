'use strict';
// LHC-Forms is built for American English and reads its words and date formats
// from a constant of its own as it starts. A date such as 03/04/2026 must not
// change its meaning with the software, so dates are shown with the month in
// letters, which its picker reads back as it wrote them; dates.js reads what
// people type. The one constant is corrected as it is read, and JSON.parse is as
// it was.
(() => {
  const parse = JSON.parse;
  JSON.parse = function (text, ...rest) {
    const value = parse.call(JSON, text, ...rest);
    if (value && value.helpTitle && value.dateTimeFormat) {
      JSON.parse = parse;
      Object.assign(value, {
        dateFormat: 'dd MMM yyyy', dateTimeFormat: 'dd MMM yyyy HH:mm:ss',
        placeholderDate: 'DD/MM/YYYY', placeholderDateTime: 'DD/MM/YYYY HH:MM',
        parsedDateFormats: value.parsedDateFormats.filter((format) => !/^M/.test(format)),
      });
    }
    return value;
  };
})();
