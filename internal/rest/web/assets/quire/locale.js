'use strict';
// LHC-Forms is built for American English and reads its words and date formats
// from a constant of its own as it starts. Days come before months here: a date
// such as 03/04/2026 must not change its meaning with the software. So the one
// constant is corrected as it is read, and JSON.parse is as it was.
(() => {
  const parse = JSON.parse;
  JSON.parse = function (text, ...rest) {
    const value = parse.call(JSON, text, ...rest);
    if (value && value.helpTitle && value.dateTimeFormat) {
      JSON.parse = parse;
      Object.assign(value, {
        dateFormat: 'dd/MM/yyyy', dateTimeFormat: 'dd/MM/yyyy HH:mm:ss',
        placeholderDate: 'DD/MM/YYYY', placeholderDateTime: 'DD/MM/YYYY HH:MM:SS',
        parsedDateFormats: value.parsedDateFormats.map((format) => format.replace(/^M([/-])D/, 'D$1M')),
      });
    }
    return value;
  };
})();
