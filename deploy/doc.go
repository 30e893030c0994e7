// Package deploy carries the files a running Quire takes from the deployment folder: the access model that Keto loads.
package deploy
